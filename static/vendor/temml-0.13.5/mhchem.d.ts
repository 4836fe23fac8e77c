// It only adds \ce and \pu to Temml.
export {};
