// The types of the parts of markdown-it that this project uses. Not from the package.

export interface Reference {
  href: string;
  title: string;
}

export interface Env {
  references?: Record<string, Reference>;
  [key: string]: unknown;
}

export interface Token {
  type: string;
  tag: string;
  nesting: number;
  level: number;
  attrs: [string, string][] | null;
  map: [number, number] | null;
  children: Token[] | null;
  content: string;
  markup: string;
  info: string;
  meta: any;
  block: boolean;
  hidden: boolean;
  attrGet(name: string): string | null;
}

export interface TokenConstructor {
  new (type: string, tag: string, nesting: number): Token;
}

export interface Delimiter {
  marker: number;
  length: number;
  token: number;
  end: number;
  open: boolean;
  close: boolean;
}

export interface StateCore {
  src: string;
  env: Env;
  md: MarkdownIt;
  tokens: Token[];
  Token: TokenConstructor;
}

export interface StateBlock {
  src: string;
  env: Env;
  tokens: Token[];
  md: MarkdownIt;
  level: number;
  line: number;
  bMarks: number[];
  tShift: number[];
  eMarks: number[];
  sCount: number[];
  blkIndent: number;
  lineMax: number;
  parentType: string;
  isEmpty(line: number): boolean;
  getLines(begin: number, end: number, indent: number, keepLastLineBreak: boolean): string;
  push(type: string, tag: string, nesting: number): Token;
}

export interface StateInline {
  src: string;
  env: Env;
  md: MarkdownIt;
  tokens: Token[];
  tokens_meta: ({ delimiters: Delimiter[] } | undefined)[];
  pos: number;
  posMax: number;
  pending: string;
  linkLevel: number;
  delimiters: Delimiter[];
  scanDelims(start: number, canSplitWord: boolean): { can_open: boolean; can_close: boolean; length: number };
  push(type: string, tag: string, nesting: number): Token;
}

export interface Ruler<Rule> {
  at(name: string, rule: Rule, options?: { alt?: string[] }): void;
  before(name: string, newName: string, rule: Rule, options?: { alt?: string[] }): void;
  after(name: string, newName: string, rule: Rule, options?: { alt?: string[] }): void;
  getRules(chain: string): Rule[];
}

export type CoreRule = (state: StateCore) => void;
export type BlockRule = (state: StateBlock, start: number, end: number, silent: boolean) => boolean;
export type InlineRule = (state: StateInline, silent: boolean) => boolean;
export type InlinePostRule = (state: StateInline) => void;

export interface MarkdownIt {
  core: { ruler: Ruler<CoreRule> };
  block: {
    ruler: Ruler<BlockRule>;
    tokenize(state: StateBlock, start: number, end: number): void;
    parse(source: string, md: MarkdownIt, env: Env, tokens: Token[]): void;
  };
  inline: {
    State: new (source: string, md: MarkdownIt, env: Env, tokens: Token[]) => StateInline;
    ruler: Ruler<InlineRule>;
    ruler2: Ruler<InlinePostRule>;
    tokenize(state: StateInline): void;
    parse(source: string, md: MarkdownIt, env: Env, tokens: Token[]): void;
  };
  linkify: { add(schema: string): void };
  helpers: { parseLinkLabel(state: StateInline, start: number, disableNested?: boolean): number };
  renderer: { render(tokens: Token[], options: object, env: Env): string };
  options: object;
  utils: { unescapeAll(text: string): string };
  parse(source: string, env: Env): Token[];
  disable(rule: string): MarkdownIt;
}

export default function markdownit(options?: {
  breaks?: boolean;
  html?: boolean;
  linkify?: boolean;
  maxNesting?: number;
}): MarkdownIt;
