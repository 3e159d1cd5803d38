import { execFile } from 'node:child_process'
import type { Attachment } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'

/** One interface, as `ip -json address` prints it. */
export interface InterfaceState {
  readonly ifname: string
  readonly mtu: number
  readonly flags: readonly string[]
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[]
}

/** One route, as `ip -json route` prints it. */
export interface RouteState {
  readonly dst: string
  readonly dev?: string
  readonly gateway?: string
}

export interface AttachmentState {
  /** Inside the container; undefined if it is not there. */
  readonly inside: InterfaceState | undefined
  /** Of the container, both families. */
  readonly routes: readonly RouteState[]
  /** The host's. */
  readonly hostInterfaces: readonly InterfaceState[]
}

const TIMEOUT_MS = 5_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/**
 * What the kernel has, by iproute2 and, inside the container, util-linux' nsenter. CHECK is rare: netlink by a native
 * library would cost every other verb its time to load.
 */
export async function inspectAttachment({ netns, ifName }: Attachment): Promise<AttachmentState> {
  const inside = (...args: string[]) => ip(args, netns)
  const [interfaces, routes, routes6, hostInterfaces] = await Promise.all([
    inside('address', 'show') as Promise<InterfaceState[]>,
    inside('-4', 'route', 'show') as Promise<RouteState[]>,
    inside('-6', 'route', 'show') as Promise<RouteState[]>,
    ip(['address', 'show']) as Promise<InterfaceState[]>,
  ])
  return {
    inside: interfaces.find(({ ifname }) => ifname === ifName),
    routes: [...routes, ...routes6],
    hostInterfaces,
  }
}

async function ip(args: readonly string[], netns?: string): Promise<unknown> {
  const command = ['ip', '-json', ...args]
  const [program = '', ...rest] = netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command]
  const output = await new Promise<string>((resolve, reject) => {
    execFile(program, rest, { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const isUnknown = netns !== undefined && /cannot open/.test(stderr)
      const message = isMissing(error) ? `${program} is not installed` : stderr.trim() || error.message
      reject(
        new CniError(isUnknown ? CNI_CODE.unknownContainer : CNI_CODE.ioFailure, message, { cause: error }),
      )
    })
  })
  // For no route at all it prints nothing.
  return output.trim() === '' ? [] : JSON.parse(output)
}

const isMissing = (error: Error): boolean => 'code' in error && error.code === 'ENOENT'
