import { comparisons } from '../scenarios/comparisons.ts'
import { compare } from './compare.ts'
import { databases } from './databases.ts'

const pace = { rounds: 2, seconds: 1.5, warmUpSeconds: 1 }
const places = databases()
for (const c of comparisons.filter(
  (c) => process.argv.length < 3 || process.argv.includes(c.name),
)) {
  console.log(c.title)
  try {
    for (const r of await compare(c, { postgres: () => places.fresh(), share: 1 }, pace)) {
      console.log(
        r.name,
        r.rounds.map(
          (m) =>
            `${m.perSecond.toFixed(0)}/s cpu ${m.cpuMicros.toFixed(1)} asking ${m.askingCpuMicros.toFixed(1)} p50 ${m.p50.toFixed(2)} p99 ${m.p99.toFixed(2)}`,
        ),
        (r.residentBytes / 1e6).toFixed(0) + ' MB',
      )
    }
  } catch (e) {
    console.log(String(e).slice(0, 1500))
  }
}
await places.stop()
