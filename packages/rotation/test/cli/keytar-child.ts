/** An application that keeps its key with keytar. */
import { createKeychainKey } from '@keyfold/core/keychain'

await createKeychainKey(process.argv[2]!, { backend: 'keytar' })
