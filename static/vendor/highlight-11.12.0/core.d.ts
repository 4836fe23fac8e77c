// Only what Chatsite uses. The tree has no public name; static/js/markdown/syntax.js and its test look after that.

export interface SyntaxNode {
  scope?: string;
  children: (SyntaxNode | string)[];
}

export interface Highlighted {
  _emitter: { rootNode: SyntaxNode };
}

declare const hljs: {
  registerLanguage(name: string, grammar: unknown): void;
  highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): Highlighted;
};

export default hljs;
