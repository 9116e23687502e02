/** How often a fuzz test runs its property: `npm run fuzz -- --runs N` says so, `npm test` is content with 2,000. */
export function fuzzRuns(): number {
  return Number(process.env['KEYFOLD_FUZZ_RUNS'] ?? 2000)
}
