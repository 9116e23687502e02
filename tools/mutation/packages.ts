interface Mutated {
  /** Per cent of the mutants that the tests must notice. */
  readonly bar: number
  /** Which part of the mutants is tried where nobody asks for another: as many as two cores do in some ten minutes. */
  readonly part: `${number}/${number}`
  /** Which files are changed, from the package's `src` on. */
  readonly files: readonly string[]
  /** Files of tests that a mutant is not put through: they start processes, or take seconds. */
  readonly slowTests: readonly string[]
  /** Patterns of the titles of slow tests in other files: they wait for time to pass, or do much. */
  readonly slowTitles: readonly string[]
}

/** The packages that have a mutation score. */
export const packages = {
  core: {
    bar: 90,
    part: '1/16',
    files: ['**/*.ts'],
    slowTests: [
      '**/*.fuzz.test.ts',
      'test/abuse-envelope-more.test.ts',
      'test/reader.test.ts',
      'test/stream-memory.test.ts',
      'test/branch-keys/file-store-processes.test.ts',
      'test/fips/require-fips.test.ts',
      'test/wrappers/aws-kms-processes.test.ts',
      'test/wrappers/aws-kms-tls.test.ts',
      'test/wrappers/key-file-processes.test.ts',
      'test/wrappers/keychain*-processes.test.ts',
    ],
    slowTitles: [],
  },
  rotation: {
    bar: 85,
    part: '1/16',
    // The command is tested in processes of its own, word for word, which no mutant here would reach.
    files: ['*.ts', 'ledger/*.ts'],
    slowTests: [
      '**/*.fuzz.test.ts',
      'test/chinook.test.ts',
      'test/cli/**',
      'test/fault/**',
      'test/kill/**',
    ],
    slowTitles: [
      'a database that is slow makes batches smaller',
      'a service that answers GenerateDataKey with ThrottlingException',
      'abuse 19: ',
      'aws-kms.transcript',
      'abuse 26: kept locked by another process',
      'abuse 33: memory stays flat',
      'calls go with the branch keys: as many for 10 records as for 2,000',
      'no more calls a second than are allowed',
      'waits grow while a service goes on throttling',
    ],
  },
} as const satisfies Record<string, Mutated>

export type PackageName = keyof typeof packages

export function isPackage(name: string): name is PackageName {
  return Object.hasOwn(packages, name)
}
