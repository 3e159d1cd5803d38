import { isJsonObject } from '@selvedge/core/kit'
import { delegateConfig } from '../config/delegate-config.js'
import type { JsonObject } from '../config/plugin-config.js'
import { inspectAttachment } from '../node/attachment-state.js'
import { attachmentOf } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'
import { whatIsWrong } from './attachment-problems.js'
import { type Call, delegate, keptConfigs, nodeOf } from './call.js'

/**
 * Whether an attachment is still what its ADD made it, and fits what subnet.env says now: rejects with all that is wrong.
 * Then the delegate checks it in its turn.
 */
export async function check(call: Call): Promise<string> {
  const { config } = call
  const attachment = attachmentOf(call.env, 'CHECK')
  const { prevResult } = config
  if (prevResult === undefined) {
    throw new CniError(
      CNI_CODE.invalidConfig,
      "CHECK needs the result of ADD, 'prevResult', in the network config",
    )
  }
  const node = await nodeOf(call)
  const kept = await keptConfigs(call).read(attachment, config.name)
  const asked = kept.type === 'config' ? kept.config : delegateConfig(config, node)
  const state = await inspectAttachment(attachment)
  const problems = whatIsWrong(state, { attachment, node, config: asked, prevResult })
  if (problems.length > 0) {
    throw new CniError(
      CNI_CODE.attachmentChanged,
      `${attachment.ifName} of container ${attachment.containerId} is not as it was made: ${problems.join('; ')}`,
    )
  }
  const { runtimeConfig, cniVersion } = config
  return delegate(call, asked, {
    ...(runtimeConfig !== undefined && { runtimeConfig }),
    ...(cniVersion !== undefined && { cniVersion }),
    prevResult: withGateways(prevResult),
  })
}

/**
 * A result in which a route without a gateway has the one that it means (CNI SPEC.md: the address' own). Otherwise the
 * bridge plugin before 1.2 looks for a route without one, and finds that what it has made is gone.
 */
function withGateways(result: JsonObject): JsonObject {
  const { ips, routes } = result
  if (!Array.isArray(ips) || !Array.isArray(routes)) return result
  const isOf6 = (text: unknown): boolean => typeof text === 'string' && text.includes(':')
  const gatewayFor = (dst: unknown): unknown =>
    ips.filter(isJsonObject).find(({ address }) => isOf6(address) === isOf6(dst))?.gateway
  return {
    ...result,
    routes: routes.filter(isJsonObject).map((route) => {
      const gateway = route.gw ?? gatewayFor(route.dst)
      return gateway === undefined ? route : { ...route, gw: gateway }
    }),
  }
}
