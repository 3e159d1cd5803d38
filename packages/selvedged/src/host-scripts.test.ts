/** The scripts of deploy/host that no other test can run whole, for want of what calls them. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const DEPLOY = fileURLToPath(new URL('../../../deploy', import.meta.url))

const files = (await readdir(join(DEPLOY, 'host'), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
const contents = await Promise.all(files.map(async (file) => ({ file, text: await readFile(file, 'utf8') })))
const scripts = contents
  .filter(({ text }) => /^#!\S*\/(sh|openrc-run)\n/.test(text))
  .map(({ file }) => file.slice(DEPLOY.length + 1))

test('there are scripts to check', () => {
  expect(scripts).toEqual(expect.arrayContaining(['host/openrc/selvedged', 'host/debian/postinst']))
})

test.each(scripts)('%s is a shell script', async (script) => {
  await run('sh', ['-n', join(DEPLOY, script)])
})

test('OpenRC is asked for the program and the folders of the unit', async () => {
  // In the place of OpenRC's own commands, some that say what they were asked for.
  const openrc = 'need() { :; }; after() { :; }; before() { :; }; checkpath() { echo "$*"; }'
  const said = await run(
    'sh',
    ['-euc', `${openrc}; . "$0"; depend; start_pre; echo "$command"`, join(DEPLOY, 'host/openrc/selvedged')],
    { env: { PATH: process.env.PATH ?? '' } },
  )
  const unit = await readFile(join(DEPLOY, 'selvedged.service'), 'utf8')
  const setting = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  const below = (parent: string, key: string) =>
    setting(key)
      .split(' ')
      .map((name) => `${parent}/${name}`)
  const state = [...below('/var/lib', 'StateDirectory'), ...below('/var/cache', 'CacheDirectory')]
  expect(setting('StateDirectoryMode')).toBe('0700')
  expect(said.stdout.trim().split('\n')).toEqual([
    `--directory --mode 0755 ${below('/run', 'RuntimeDirectory').join(' ')}`,
    `--directory --mode 0700 ${state.join(' ')}`,
    setting('ExecStart').split(' ')[0],
  ])
})
