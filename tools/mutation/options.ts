import type { PartialStrykerOptions } from '@stryker-mutator/api/core'
import type { PackageName } from './packages.ts'

/**
 * What Stryker is told.
 *
 * @param pass names the reports
 * @param patterns the files to change, from the repository's root, with or without a range of lines
 */
export function optionsFor(name: PackageName, pass: string, patterns: readonly string[]): PartialStrykerOptions {
  return {
    mutate: [...patterns],
    plugins: ['@stryker-mutator/vitest-runner', './tools/mutation/part-checker.ts'],
    checkers: ['part'],
    testRunner: 'vitest',
    // Processes: a test of the command within its own needs a working folder, which threads do not have.
    vitest: { configFile: 'tools/mutation/vitest.config.ts', related: false, pool: 'forks' },
    coverageAnalysis: 'perTest',
    incremental: false,
    concurrency: Number(process.env['KEYFOLD_MUTATION_WORKERS'] ?? 2),
    // Beside an endless loop, which Stryker counts, a mutant may wait for what never comes. No test waits so long by itself.
    timeoutMS: 10_000,
    timeoutFactor: 1.25,
    dryRunTimeoutMinutes: 15,
    // Nothing but what the tests of a package need is copied for the mutants.
    ignorePatterns: ['/.*', '/reports', '/docs', '/examples', '/bench', '/tests', '/packages/*/dist'],
    reporters: ['clear-text', 'html', 'json', 'progress-append-only'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    htmlReporter: { fileName: `reports/mutation/${name}-${pass}.html` },
    jsonReporter: { fileName: `reports/mutation/${name}-${pass}.json` },
    allowConsoleColors: false,
  }
}
