import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ExecPlugin, type PluginConfig, type PluginTimes } from './exec-plugin.js'

const API_VERSION = 'client.authentication.k8s.io/v1'
const SECRET = 'do-not-show-this'

let folder: string
const plugins: ExecPlugin[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-plugin-'))
})

afterEach(async () => {
  for (const plugin of plugins.splice(0)) plugin.close()
  await rm(folder, { recursive: true })
})

/** A plugin that is this shell script, and what it shows that it waits for. */
async function scripted(script: string, options: Partial<PluginConfig & PluginTimes> = {}) {
  const command = join(folder, 'plugin')
  await writeFile(command, `#!/bin/sh\n${script}\n`)
  await chmod(command, 0o755)
  const { timeoutMs = 10_000, quietMs = 10_000, ...config } = options
  const shown: string[] = []
  const plugin = new ExecPlugin(
    {
      where: 'the kubeconfig /etc/agent.conf',
      command,
      args: [],
      env: {},
      apiVersion: API_VERSION,
      ...config,
    },
    async (message, work) => {
      shown.push(message)
      return work()
    },
    { timeoutMs, quietMs },
  )
  plugins.push(plugin)
  return { plugin, command, shown }
}

const answer = (status: object, apiVersion = API_VERSION) =>
  `echo '${JSON.stringify({ apiVersion, kind: 'ExecCredential', status })}'`
const counted = (status: object) => `echo run >> ${folder}/runs; ${answer(status)}`
const runs = async () => (await readFile(join(folder, 'runs'), 'utf8')).split('\n').length - 1
const isRunning = async (pid: string): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^State:\s+[^ZX]/m.test(status)
}

describe('a plugin', () => {
  test('answers with a token, or a certificate and its key', async () => {
    const { plugin } = await scripted(answer({ token: 'abc' }))
    expect(await plugin.credential()).toEqual({ token: 'abc' })
    const other = await scripted(answer({ clientCertificateData: 'CERT', clientKeyData: 'KEY' }))
    expect(await other.plugin.credential()).toEqual({ cert: 'CERT', key: 'KEY' })
  })

  test('gets its arguments, its variables and what the protocol says of the cluster', async () => {
    const script = `printf '{"apiVersion":"${API_VERSION}","kind":"ExecCredential","status":{"token":"%s %s %s"}}' "$1" "$PROFILE" "$(echo "$KUBERNETES_EXEC_INFO" | tr -d '"')"`
    const { plugin } = await scripted(script, {
      args: ['--quiet'],
      env: { PROFILE: 'prod' },
      cluster: { server: 'https://10.0.0.1:6443' },
    })
    expect((await plugin.credential()).token).toBe(
      '--quiet prod {apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,spec:{interactive:false,cluster:{server:https://10.0.0.1:6443}}}',
    )
  })

  test('runs once for all who wait, and again only when the credential has expired or is rejected', async () => {
    const { plugin } = await scripted(counted({ token: 'abc', expirationTimestamp: '2999-01-01T00:00:00Z' }))
    await Promise.all([plugin.credential(), plugin.credential()])
    await plugin.credential()
    expect(await runs()).toBe(1)
    plugin.forget()
    await plugin.credential()
    expect(await runs()).toBe(2)
    const { plugin: expired } = await scripted(
      counted({ token: 'a', expirationTimestamp: '2020-01-01T00:00:00Z' }),
    )
    await expired.credential()
    await expired.credential()
    expect(await runs()).toBe(4)
  })

  test('is named while it is waited for, unless it is quick', async () => {
    const { plugin, command, shown } = await scripted(`sleep 0.3; ${answer({ token: 'abc' })}`, {
      quietMs: 50,
    })
    await plugin.credential()
    expect(shown).toEqual([
      `waiting for the credential plugin '${command}' of the kubeconfig /etc/agent.conf`,
    ])
    const quick = await scripted(answer({ token: 'abc' }))
    await quick.plugin.credential()
    expect(quick.shown).toEqual([])
  })

  test.each([
    ['hangs', 'sleep 60', { timeoutMs: 200 }, 'gave no answer for 0.2 s, and was killed'],
    ['fails', `echo ${SECRET} >&2; echo ${SECRET}; exit 3`, {}, 'ended with status 3'],
    ['is killed', 'kill -9 $$', {}, 'ended with the signal SIGKILL'],
    ['says nothing', 'true', {}, 'something else than an ExecCredential'],
    ['says something else', `echo '{"token":"${SECRET}"}'`, {}, 'something else than an ExecCredential'],
    ['has no credential', answer({ note: SECRET }), {}, 'neither a token nor a client certificate'],
    [
      'answers in another version',
      answer({ token: SECRET }, 'client.authentication.k8s.io/v1beta1'),
      {},
      'another apiVersion than client.authentication.k8s.io/v1, which it was asked for',
    ],
    ['answers in no version', answer({ token: SECRET }, ''), {}, 'another apiVersion than'],
    ['has half a certificate', answer({ clientKeyData: SECRET }), {}, 'neither a token nor a client'],
    ['never ends', `yes ${SECRET}`, {}, 'more than 1048576 bytes, and was killed'],
    [
      'does not exist',
      '',
      { command: '/nonexistent/plugin' },
      'cannot be started: spawn /nonexistent/plugin ENOENT',
    ],
  ])('that %s is an error that names it and shows nothing of its output', async (_, script, options, why) => {
    const { plugin } = await scripted(script, { installHint: ' get it\x1b[2J\n', ...options })
    const error = await plugin.credential().catch((thrown) => thrown)
    expect(error.code).toBe('ACCESS_DENIED')
    expect(error.message).toMatch(/^the credential plugin '.*plugin' of the kubeconfig \/etc\/agent\.conf /)
    expect(error.message).toContain(why)
    expect(error.message).toMatch(/run it by hand to see why; get it\\u001b\[2J$/)
    expect(error.message + error.stack).not.toContain(SECRET)
  })

  test('ends with its store, and so does all that it started', async () => {
    const { plugin } = await scripted(
      `sleep 60 & echo $! $$ > ${folder}/pids.new; mv ${folder}/pids.new ${folder}/pids; wait`,
    )
    const failure = expect(plugin.credential()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    const pids = await expect
      .poll(() => readFile(join(folder, 'pids'), 'utf8').catch(() => ''), { timeout: 5_000 })
      .toMatch(/\d/)
      .then(async () => (await readFile(join(folder, 'pids'), 'utf8')).trim().split(' '))
    plugin.close()
    await failure
    for (const pid of pids) await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false)
    await expect(plugin.credential()).rejects.toThrow('the store is closed')
  })
})
