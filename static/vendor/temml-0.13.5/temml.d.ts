// Only what Chatsite uses.

export interface Options {
  displayMode?: boolean;
  trust?: boolean;
  strict?: boolean;
  throwOnError?: boolean;
  maxExpand?: number;
  maxSize?: [number, number];
  macros?: Record<string, string>;
}

declare const temml: {
  // It has no public name; static/js/markdown/mathml.js and its test look after that.
  __renderToMathMLTree(expression: string, options?: Options): unknown;
};

export default temml;
