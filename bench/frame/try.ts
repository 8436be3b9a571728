import { apiKey, authenticated, firstSeen, refused } from '../scenarios/authenticated.ts'
import { compare } from './compare.ts'

const pace = { rounds: 3, seconds: 2, warmUpSeconds: 2 }
for (const c of [authenticated, firstSeen, apiKey, refused].filter(
  (c) => process.argv.length < 3 || process.argv.includes(c.name),
)) {
  console.log(c.title)
  for (const r of await compare(c, { postgres: async () => '', share: 1 }, pace)) {
    console.log(
      r.name,
      r.rounds.map(
        (m) =>
          `${m.perSecond.toFixed(0)}/s cpu ${m.cpuMicros.toFixed(1)} asking ${m.askingCpuMicros.toFixed(1)} p50 ${m.p50.toFixed(2)} p99 ${m.p99.toFixed(2)}`,
      ),
      (r.residentBytes / 1e6).toFixed(0) + ' MB',
    )
  }
}
