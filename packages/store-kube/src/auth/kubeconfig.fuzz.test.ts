import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf } from '@selvedge/conformance'
import { isOverlayError, type Random } from '@selvedge/core'
import { expect, it } from 'vitest'
import { readKubeconfig } from './kubeconfig.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const TOKEN = 'c2VjcmV0LXRva2Vu'

const config = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'a',
  contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
  clusters: [
    { name: 'c', cluster: { server: 'https://10.0.0.5:6443', 'certificate-authority-data': 'AAAA' } },
  ],
  users: [{ name: 'u', user: { token: TOKEN } }],
}

const yaml = `# a comment
apiVersion: v1
kind: Config
current-context: a
contexts:
- name: a
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster:
    server: https://10.0.0.5:6443
    certificate-authority: ca.crt
users:
- name: u
  user:
    exec:
      command: ./plugin
      apiVersion: client.authentication.k8s.io/v1
      env: [{name: TOKEN, value: ${TOKEN}}]
---
kind: Config
`

const asJson = hostileJson([config])
const asYaml = hostileText([
  yaml,
  JSON.stringify(config, undefined, 1),
  `users: &u [{token: ${TOKEN}}]\nclusters: *u\n`,
])

/** What YAML adds to JSON: depth by indentation, by flow and by anchors that multiply. */
function nested(random: Random): string {
  const depth = Math.ceil(random() ** 3 * 1_000)
  const at = random()
  if (at < 0.3) return Array.from({ length: depth }, (_, i) => `${' '.repeat(i)}a:\n`).join('')
  if (at < 0.5) return `${'- '.repeat(depth)}a\n`
  if (at < 0.7) return `${yaml}extensions: ${'['.repeat(depth * 20)}`
  const levels = Array.from({ length: Math.min(depth, 30) }, (_, i) => {
    const items =
      i === 0
        ? 'x'
        : Array(9)
            .fill(`*a${i - 1}`)
            .join(', ')
    return `a${i}: &a${i} [${items}]\n`
  })
  return `${levels.join('')}${yaml}`
}

it('a kubeconfig', { timeout }, async () => {
  let accepted = 0
  const report = await fuzz({
    ...settings,
    // What anchors multiply is bounded by a number of values, which takes 20 ms however short the text is.
    maxMs: 400,
    input: (random) => {
      const at = random()
      return at < 0.45 ? asJson(random) : at < 0.9 ? asYaml(random) : nested(random)
    },
    check(text) {
      const read = outcomeOf(
        () => readKubeconfig(text, { kubeconfigFile: '/etc/kubernetes/agent.conf' }),
        (error) => isOverlayError(error, 'INVALID_CONFIG') && !error.message.includes(TOKEN),
      )
      if (read === undefined) return
      accepted += 1
      if ('kubeconfig' in read) JSON.parse(read.kubeconfig)
      else if (!/^https?:$/.test(read.url.protocol)) throw new Error(`its server is ${read.url}`)
    },
  })
  expect(accepted, 'inputs that are kubeconfigs').toBeGreaterThan(report.count / 20)
  console.log('kubeconfig', report)
})
