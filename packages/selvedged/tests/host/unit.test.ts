import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Lab, run } from '@selvedge/lab'
import { expect, test } from 'vitest'

const UNIT = fileURLToPath(new URL('../../../../deploy/selvedged.service', import.meta.url))

/** Of systemd's 0 (safe) to 10, in tenths. It has to be root, on the host's network, with CAP_NET_ADMIN. */
const MAX_EXPOSURE = '30'

test('systemd-analyze scores the unit’s exposure at 3.0 at most', async () => {
  // Ends with another status than 0 above the threshold.
  const said = await run('systemd-analyze', [
    'security',
    '--offline=true',
    `--threshold=${MAX_EXPOSURE}`,
    UNIT,
  ])
  process.stdout.write(`    ${said.trimEnd().split('\n').at(-1)}\n`)
  expect(said).toContain('Overall exposure level for selvedged.service')
  await expect(
    run('systemd-analyze', ['security', '--offline=true', '--threshold=1', UNIT]),
  ).rejects.toThrow()
})

test('systemd-analyze knows every setting of the unit', async () => {
  await using lab = await Lab.create({ hosts: 0 })
  const copy = join(lab.directory, 'selvedged.service')
  // It looks for the program, too.
  await writeFile(copy, (await readFile(UNIT, 'utf8')).replace('/usr/bin/selvedged', process.execPath))
  const verify = (file: string) => run('sh', ['-c', 'systemd-analyze verify --man=no "$1" 2>&1', 'sh', file])
  expect(await verify(copy)).not.toContain('selvedged.service')
  await writeFile(copy, `${await readFile(copy, 'utf8')}\n[Service]\nNoSuchSetting=yes\n`)
  expect(await verify(copy)).toContain("Unknown key 'NoSuchSetting'")
})
