/** Saves a file again and again, until it is killed: one text of `a`s, then one of `b`s, each in 64 chunks. */
import { writeFileAtomically } from '@selvedge/node-state'

const [path] = process.argv.slice(2)
for (let round = 0; ; round += 1) {
  const chunk = (round % 2 === 0 ? 'a' : 'b').repeat(16 << 10)
  await writeFileAtomically(path, Array(64).fill(chunk), { mode: 0o644 })
  if (round === 0) process.stdout.write('saved')
}
