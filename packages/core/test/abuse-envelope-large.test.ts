/** Abuse cases 1 and 2 for the larger vectors, which take seconds. */
import { declareAlterations, isSmall } from './alterations.ts'
import { vectors } from './vectors.ts'

declareAlterations(vectors.valid.filter((one) => !isSmall(one)))
