export type { Faults } from './faults.ts'
export type { KmsEmulator, KmsEmulatorOptions } from './server.ts'
export { startKmsEmulator } from './server.ts'
