import { execFile, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type AbortOptions, OverlayError } from '@selvedge/core'
import { untilListening } from './socket.js'

/** Where wireguard-go puts its sockets. */
export const SOCKET_DIRECTORY = '/var/run/wireguard'

/** Where a device is, and its socket. */
export interface Place {
  /** Network namespace, as `ip netns` names it; undefined: this process's own. */
  readonly namespace?: string | undefined
  readonly socketDirectory: string
}

export const socketPath = ({ socketDirectory }: Place, device: string): string =>
  `${socketDirectory}/${device}.sock`

/** Rejects with an OverlayError `UNSUPPORTED` that says what to install if there is no wireguard-go. */
export async function checkWireguardGo({ signal }: AbortOptions = {}): Promise<void> {
  try {
    await promisify(execFile)('wireguard-go', ['--version'], { signal, timeout: 5000 })
  } catch (error) {
    signal?.throwIfAborted()
    const said = error instanceof Error ? error.message : String(error)
    throw new OverlayError(
      'UNSUPPORTED',
      `running wireguard-go --version: ${said}; the wireguard backend needs it in the PATH ` +
        '(Debian: apt-get install wireguard-go)',
      { cause: error },
    )
  }
}

/**
 * Starts a wireguard-go that outlives this process, sessions included, and waits until it listens. It ends when its
 * socket or its link is deleted. Rejects with an OverlayError if it cannot be started.
 */
export async function startWireguardGo(
  device: string,
  place: Place,
  { signal }: AbortOptions,
): Promise<void> {
  await mkdir(place.socketDirectory, { recursive: true, mode: 0o700 })
  await mkdir(SOCKET_DIRECTORY, { recursive: true, mode: 0o700 })
  const [program = '', ...args] = commandLine(device, place)
  let ended: string | undefined
  // Nothing of it goes through a pipe: it must be able to write when this process is gone.
  const child = spawn(program, args, { detached: true, stdio: 'ignore' })
  child.on('error', (error) => {
    ended = error.message
  })
  child.on('exit', (status, killedBy) => {
    ended = `it ended with ${killedBy ?? `status ${status}`}`
  })
  child.unref()
  try {
    await untilListening(socketPath(place, device), () => ended, signal)
  } catch (error) {
    signal?.throwIfAborted()
    const said = error instanceof Error ? error.message : String(error)
    throw new OverlayError(
      'UNSUPPORTED',
      `starting wireguard-go for ${device}: ${said}; install it (Debian: apt-get install wireguard-go), and see ` +
        `what \`${[program, ...args].join(' ')}\` says`,
      { cause: error },
    )
  }
}

/** wireguard-go knows no other directory for its socket: it is started with another one in that place. */
function commandLine(device: string, { namespace, socketDirectory }: Place): readonly string[] {
  const within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
  if (socketDirectory === SOCKET_DIRECTORY) return [...within, 'wireguard-go', '-f', device]
  const script = `mount --bind "$1" ${SOCKET_DIRECTORY} && exec wireguard-go -f "$2"`
  return [...within, 'unshare', '--mount', 'sh', '-c', script, 'sh', socketDirectory, device]
}
