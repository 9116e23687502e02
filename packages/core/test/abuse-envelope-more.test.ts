/** Abuse cases 1 and 2 for all vectors but those of abuse-envelope.test.ts. */
import { declareAlterations, isForFastTest } from './alterations.ts'
import { vectors } from './vectors.ts'

declareAlterations(vectors.valid.filter((one) => !isForFastTest(one)))
