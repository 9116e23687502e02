/**
 * The arrows of the architecture, as one table. `npm run check` fails when a file of a package breaks one.
 * Type imports, re-exports and dynamic imports count like any other.
 */

/** Core in rows: a file imports from the rows above its own only. A new file is entered here, in the lowest row that serves. */
export const coreRows: readonly (readonly string[])[] = [
  ['errors', 'key-name', 'types'],
  ['approved', 'backend', 'kwp-batch'],
  ['aes-blocks'],
  ['backend-node', 'backend-noble'],
  ['backend-bun'],
  ['bytes', 'format-errors', 'format-limits'],
  ['context', 'format-body'],
  ['format'],
  ['cipher', 'dek-cache', 'fresh-deks', 'sql-offsets', 'text-form'],
  ['stream-cipher', 'fips-self-test'],
  ['stream-chunks', 'stream-head'],
  ['local-wrap', 'secret-file', 'sync-folder', 'bounded-map', 'in-flight', 'branch-key-log', 'branch-key-limits'],
  ['steps'],
  ['key-source', 'failures'],
  ['key-batch'],
  ['caching', 'multi', 'too-old'],
  ['keyring'],
  ['open-dek', 'rewrap-within'],
  ['record'],
  ['branch-key-seal', 'batch-input'],
  ['branch-key-reads', 'branch-key-memory', 'batch-steps'],
  ['branch-key-shred', 'branch-key-file'],
  ['branch-keys', 'stream-keys'],
  ['envelope', 'batch', 'inspect'],
  ['branch-key-upkeep'],
  ['stream', 'stream-range'],
  ['testing-kit'],
  ['testing-key-batch', 'testing-rewrap'],
  ['testing-record-subject'],
  ['testing-key-wrapper', 'testing-branch-key-store', 'testing-record-store'],
  ['index', 'testing', 'fips'],
]

/** `#backend` is one of the two files, picked by the runtime: whoever names it stands below both. */
export const subpathImports: Readonly<Record<string, string>> = { '#backend': 'backend-noble' }

/** What a key wrapper may know of core: never another wrapper, never the envelope. */
export const wrapperImports: readonly string[] = [
  'errors', 'key-name', 'types', 'backend-noble', 'bytes', 'cipher', 'local-wrap', 'secret-file', 'sync-folder',
]

/** A wrapper in several files: `NAME.ts` is its entry, `NAME-*.ts` are its parts, and these alone may import each other. */
export const wrapperFamilies: readonly string[] = ['wrappers/aws-kms', 'wrappers/keychain']

/** One line: these files, and nobody else in their package, may import modules of these names (`x/*` is all below x). */
export interface Grant {
  readonly modules: readonly string[]
  readonly files: readonly string[]
}

/** What comes from outside of a package. What no line grants is refused. `**` is every file of the package. */
export const grants: Readonly<Record<string, readonly Grant[]>> = {
  core: [
    { modules: ['@noble/ciphers/*', '@noble/hashes/*'], files: ['backend-noble'] },
    // all else runs where there is no Node
    {
      modules: ['node:*'],
      files: [
        'aes-blocks', 'backend-bun', 'backend-node', 'fips', 'secret-file', 'sync-folder', 'branch-key-file', 'wrappers/key-file',
        'wrappers/keychain-dbus',
      ],
    },
    { modules: ['@aws-sdk/*'], files: ['wrappers/aws-kms'] },
    { modules: ['@napi-rs/keyring', 'keytar'], files: ['wrappers/keychain-backends'] },
  ],
  sqlite: [
    { modules: ['@keyfold/core', '@keyfold/core/*', 'better-sqlite3', 'node:*'], files: ['**'] },
  ],
  'kms-emulator': [
    { modules: ['node:*'], files: ['**'] },
  ],
  rotation: [
    { modules: ['@keyfold/core', '@keyfold/core/*', 'better-sqlite3', 'zod', 'node:*'], files: ['**'] },
    // the engine knows a store through RecordStore alone
    { modules: ['@keyfold/sqlite', 'commander', 'cli-progress', '@clack/prompts', 'jiti'], files: ['cli/**'] },
  ],
}

/** The engine does not know who calls it: no file outside of the folder imports one inside of it. */
export const closedFolders: Readonly<Record<string, string>> = { rotation: 'cli' }
