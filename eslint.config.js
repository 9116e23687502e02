import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** @type {import('eslint').Linter.RulesRecord} */
const style = {
  'semi': ['error', 'never'],
  'quotes': ['error', 'single', { avoidEscape: true }],
  'comma-dangle': ['error', 'always-multiline'],
  'max-len': ['error', { code: 150, ignoreUrls: true, ignoreRegExpLiterals: true }],
  'no-trailing-spaces': 'error',
  'eol-last': 'error',
  'max-lines': ['error', { max: 250, skipComments: true }],
}

// Not among them, on purpose: no-unnecessary-condition (arguments of JavaScript callers are checked against their types),
// no-non-null-assertion (an index whose bound was just checked), require-await (`async` turns a throw into a rejection).
/** @type {import('eslint').Linter.RulesRecord} */
const typeAware = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
  '@typescript-eslint/no-base-to-string': 'error',
  '@typescript-eslint/no-deprecated': 'error',
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/no-unsafe-argument': 'error',
  '@typescript-eslint/no-unsafe-assignment': 'error',
  '@typescript-eslint/no-unsafe-call': 'error',
  '@typescript-eslint/no-unsafe-member-access': 'error',
  '@typescript-eslint/no-unsafe-return': 'error',
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/prefer-promise-reject-errors': 'error',
  '@typescript-eslint/prefer-readonly': 'error',
  '@typescript-eslint/restrict-plus-operands': 'error',
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
}

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', '**/.tools/', 'reports/', '.stryker-tmp/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { files: ['**/*.js', '**/*.mjs', '**/*.ts'], rules: style },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: typeAware,
  },
  { files: ['**/test/**/*.ts', 'tests/**/*.ts'], rules: { 'max-lines': ['error', { max: 400, skipComments: true }] } },
)
