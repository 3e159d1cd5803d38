import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf } from '@selvedge/conformance'
import { expect, it } from 'vitest'
import { readPluginAnswer } from './plugin-answer.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const API_VERSION = 'client.authentication.k8s.io/v1'
const TOKEN = 'k8s-aws-v1.c2VjcmV0LXRva2Vu'
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

const answers = [
  { kind: 'ExecCredential', apiVersion: API_VERSION, status: { token: TOKEN } },
  {
    kind: 'ExecCredential',
    apiVersion: API_VERSION,
    spec: {},
    status: { expirationTimestamp: '2030-01-02T03:04:05Z', clientCertificateData: PEM, clientKeyData: PEM },
  },
] as const
const asJson = hostileJson(answers)
const asText = hostileText([`${JSON.stringify(answers[0], undefined, 2)}\n`])
const asToken = hostileText([TOKEN])

it('the answer of a credential plugin', { timeout }, async () => {
  let accepted = 0
  const report = await fuzz({
    ...settings,
    input(random) {
      const at = random()
      if (at < 0.7) return asJson(random)
      return at < 0.9
        ? asText(random)
        : JSON.stringify({
            kind: 'ExecCredential',
            apiVersion: API_VERSION,
            status: { token: asToken(random) },
          })
    },
    check(text) {
      const answer = outcomeOf(
        () => readPluginAnswer(text, API_VERSION),
        (error) => error instanceof SyntaxError && !error.message.includes(TOKEN),
      )
      if (answer === undefined) return
      accepted += 1
      const { credential, expiresAt } = answer
      // Throws for what a header cannot carry.
      if (credential.token !== undefined) new Headers().set('authorization', `Bearer ${credential.token}`)
      if (Number.isNaN(expiresAt)) throw new Error('it expires at no time')
    },
  })
  expect(accepted, 'inputs that are credentials').toBeGreaterThan(report.count / 20)
  console.log('plugin answers', report)
})
