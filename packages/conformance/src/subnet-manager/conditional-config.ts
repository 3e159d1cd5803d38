import assert from 'node:assert/strict'
import { rejectsWith } from '../assertions.js'
import { administrator } from './administrator.js'
import { ipv4Network, type Section } from './fixture.js'

/** As no serializer would write it, so that only the text itself is equal to it. */
const WRITTEN = '{ "SubnetLen":24,\n  "Network": "10.99.0.0/16" }'
const OTHER = '{"Network":"10.97.0.0/16"}'

/** How many operators write at once. */
const OPERATORS = 8

export function conditionalConfigSection({ test }: Section): void {
  test(
    'says what text the network config is, to the letter, and does not wait for one',
    undefined,
    async (store) => {
      const [manager, other] = [
        await administrator(store, 1, 'conditionalConfig'),
        await administrator(store, 2, 'conditionalConfig'),
      ]
      assert.equal(await store.within('networkConfigText', manager.networkConfigText()), undefined)
      await manager.setNetworkConfig(WRITTEN)
      assert.equal(await other.networkConfigText(), WRITTEN)
      await rejectsWith('INVALID_CONFIG', other.setNetworkConfig('{"Network"'))
      assert.equal(await manager.networkConfigText(), WRITTEN)
    },
  )

  test('writes a config in the place of the one that was read, and of no other', undefined, async (store) => {
    const manager = await administrator(store, 1, 'conditionalConfig')
    await rejectsWith('CONFIG_CHANGED', manager.setNetworkConfig(WRITTEN, { replaces: OTHER }))
    assert.equal(await store.within('networkConfigText', manager.networkConfigText()), undefined)
    await manager.setNetworkConfig(WRITTEN, { replaces: null })
    await rejectsWith('CONFIG_CHANGED', manager.setNetworkConfig(OTHER, { replaces: null }))
    // The same config by its meaning, and not by its text.
    const alike = JSON.stringify(JSON.parse(WRITTEN))
    await rejectsWith('CONFIG_CHANGED', manager.setNetworkConfig(OTHER, { replaces: alike }))
    await rejectsWith('INVALID_CONFIG', manager.setNetworkConfig('{}', { replaces: WRITTEN }))
    assert.equal(await manager.networkConfigText(), WRITTEN)
    await manager.setNetworkConfig(OTHER, { replaces: WRITTEN })
    assert.equal(await manager.networkConfigText(), OTHER)
    assert.equal((await manager.getNetworkConfig()).ipv4?.network, '10.97.0.0/16')
  })

  test('of operators who replace one config at once, lets one do it', ipv4Network, async (store) => {
    const operators = await Promise.all(
      Array.from({ length: OPERATORS }, (_, index) => administrator(store, index + 1, 'conditionalConfig')),
    )
    const read = (await operators[0]?.networkConfigText()) ?? null
    assert.notEqual(read, null)
    const texts = operators.map((_, index) => `{"Network":"10.${index + 100}.0.0/16"}`)
    const outcomes = await Promise.allSettled(
      operators.map((operator, index) => operator.setNetworkConfig(texts[index] ?? '', { replaces: read })),
    )
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') await rejectsWith('CONFIG_CHANGED', Promise.reject(outcome.reason))
    }
    assert.equal(await operators[0]?.networkConfigText(), texts[winner])
  })

  test('reads no config text once the signal aborts, or once disposed of', ipv4Network, async (store) => {
    const manager = await administrator(store, 1, 'conditionalConfig')
    const reason = { why: 'aborted before' }
    const [aborted] = await Promise.allSettled([
      manager.networkConfigText({ signal: AbortSignal.abort(reason) }),
    ])
    assert.equal(aborted.status === 'rejected' && aborted.reason, reason)
    await manager[Symbol.asyncDispose]()
    await store.within('networkConfigText', rejectsWith('CLOSED', manager.networkConfigText()))
  })
}
