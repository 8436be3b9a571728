export { type FileStoreOptions, fileStore } from './file-store.ts'
export { keychainStore } from './keychain-store.ts'
export { type Places, placesOf } from './places.ts'
export { systemStore } from './system-store.ts'
