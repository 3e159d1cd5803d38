/** What a host's package is made of, as far as it can be checked without root: tests/host installs it. */
import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const FOLDER = join(ROOT, 'deploy/host')

async function scripts(): Promise<string[]> {
  const found = await readdir(FOLDER, { recursive: true, withFileTypes: true })
  const files = found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return files.filter((_, index) => /^#!\/(s?bin)\/(sh|openrc-run)\n/.test(texts[index] ?? ''))
}

test.each(await scripts())('%s is a shell script that can be executed', async (file) => {
  expect((await stat(file)).mode & 0o111).toBe(0o111)
  await promisify(execFile)('sh', ['-n', file])
})

test('the maintainer scripts are among them, and the commands', async () => {
  const names = (await scripts()).map((file) => file.slice(FOLDER.length + 1)).sort()
  expect(names).toEqual([
    'debian/postinst',
    'debian/postrm',
    'debian/prerm',
    'openrc/selvedged',
    'selvedge',
    'selvedged',
    'selvedged-cleanup',
    'selvedged-service',
  ])
})

test('systemd and OpenRC start the same program, by the same flags', async () => {
  const unit = await readFile(join(ROOT, 'deploy/selvedged.service'), 'utf8')
  const openrc = await readFile(join(FOLDER, 'openrc/selvedged'), 'utf8')
  expect(unit).toContain('ExecStart=/usr/bin/selvedged $FLANNELD_OPTIONS\n')
  expect(unit).toContain('EnvironmentFile=-/etc/default/selvedged\n')
  expect(openrc).toContain(':-/usr/bin/selvedged}')
  expect(openrc).toContain('. /etc/default/selvedged')
})

test('the unit, which closes all devices, opens the one that the backend udp needs', async () => {
  const unit = await readFile(join(ROOT, 'deploy/selvedged.service'), 'utf8')
  expect(unit).toContain('DevicePolicy=closed\nDeviceAllow=/dev/net/tun rw\n')
})
