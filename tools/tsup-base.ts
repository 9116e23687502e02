import type { Options } from 'tsup'

/** What the three packages build alike. */
export const base = {
  format: ['esm'],
  target: 'es2022',
  clean: true,
  sourcemap: true,
  // shared code becomes chunks, so that `instanceof KeyfoldError` holds across a package's entries
  splitting: true,
  // `node:crypto`, not `crypto`: some runtimes and bundlers know a built-in module by its full name alone
  removeNodeProtocol: false,
  // the declarations are made from the sources as a user's compiler sees them: without our own condition
  dts: { compilerOptions: { customConditions: [], allowImportingTsExtensions: false } },
} satisfies Options
