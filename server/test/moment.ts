/** Brings a process to the moment of its scene, `?at=` in milliseconds; from there its time passes. */
const { now } = Date
const ahead = Number(new URL(import.meta.url).searchParams.get('at')) - now()
const sceneNow = () => now() + ahead

globalThis.Date = new Proxy(Date, {
  construct: (real, parts) => Reflect.construct(real, parts.length > 0 ? parts : [sceneNow()]),
  get: (real, name) => (name === 'now' ? sceneNow : Reflect.get(real, name)),
})
