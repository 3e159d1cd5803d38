import { createRequire } from 'node:module'
import { NetlinkError } from './errors.js'

/**
 * The two native modules, loaded when first needed: importing this package works on a platform without them, and the
 * first use says what is missing.
 */

/** The part of `RawNetlinkSocket` in use: the transport alone. Every message is encoded here. */
export interface RawSocket {
  on(event: 'message', listener: (message: Buffer) => void): unknown
  on(event: 'truncatedMessage' | 'error', listener: (error: unknown) => void): unknown
  address(): { readonly port: number }
  addMembership(group: number): void
  close(): void
}

/** `struct sock_filter`, include/uapi/linux/filter.h: one instruction of a classic BPF program. */
export interface FilterInstruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** Functions of the C library that Node.js does not expose. Each returns -1 and sets errno if it fails. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  connect(fd: number, address: Uint8Array, length: number): number
  getsockname(fd: number, address: Uint8Array, length: [number]): number
  close(fd: number): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: [number]): number
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number
  /** `setsockopt` of SO_ATTACH_FILTER. */
  attachFilter(fd: number, program: readonly FilterInstruction[]): number
  setns(fd: number, type: number): number
  /** With an argument in memory, which is read and written. */
  ioctl(fd: number, request: number, argument: Uint8Array): number
  /** With a number as its argument. */
  ioctlValue(fd: number, request: number, value: number): number
  /** The error of the last call that failed, such as 1 for EPERM. */
  errno(): number
}

interface NetlinkModule {
  readonly RawNetlinkSocket: new (protocol: number) => RawSocket
}

interface KoffiModule {
  load(library: null): { func(...prototype: unknown[]): unknown }
  struct(members: Record<string, unknown>): unknown
  pointer(type: unknown): unknown
  errno(): number
}

/** include/uapi/asm-generic/socket.h */
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
/** `struct sock_fprog` with 64-bit pointers: a count, padding, a pointer. */
const SOCK_FPROG_LENGTH = 16

const require = createRequire(import.meta.url)
let libc: Libc | undefined
let netlink: NetlinkModule | undefined

export function openRawSocket(protocol: number): RawSocket {
  netlink ??= load('netlink', () => require('netlink/dist/raw.js') as NetlinkModule)
  return new netlink.RawNetlinkSocket(protocol)
}

export function loadLibc(): Libc {
  libc ??= load('koffi', () => {
    const koffi = require('koffi') as KoffiModule
    // The process itself links the C library, whatever its name on this system.
    const library = koffi.load(null)
    const instruction = koffi.struct({ code: 'uint16_t', jt: 'uint8_t', jf: 'uint8_t', k: 'uint32_t' })
    const program = koffi.struct({ len: 'uint16_t', filter: koffi.pointer(instruction) })
    const attach = library.func('setsockopt', 'int', [
      'int',
      'int',
      'int',
      koffi.pointer(program),
      'uint32_t',
    ]) as (fd: number, level: number, name: number, program: object, length: number) => number
    return {
      attachFilter: (fd, filter) =>
        attach(fd, SOL_SOCKET, SO_ATTACH_FILTER, { len: filter.length, filter }, SOCK_FPROG_LENGTH),
      socket: library.func('int socket(int family, int type, int protocol)') as Libc['socket'],
      bind: library.func('int bind(int fd, const void *address, uint32_t length)') as Libc['bind'],
      connect: library.func('int connect(int fd, const void *address, uint32_t length)') as Libc['connect'],
      getsockname: library.func(
        'int getsockname(int fd, _Out_ void *address, _Inout_ uint32_t *length)',
      ) as Libc['getsockname'],
      close: library.func('int close(int fd)') as Libc['close'],
      setsockopt: library.func(
        'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
      ) as Libc['setsockopt'],
      getsockopt: library.func(
        'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
      ) as Libc['getsockopt'],
      send: library.func(
        'intptr_t send(int fd, const void *bytes, size_t length, int flags)',
      ) as Libc['send'],
      recv: library.func(
        'intptr_t recv(int fd, _Out_ void *buffer, size_t length, int flags)',
      ) as Libc['recv'],
      setns: library.func('int setns(int fd, int type)') as Libc['setns'],
      ioctl: library.func(
        'int ioctl(int fd, unsigned long request, _Inout_ void *argument)',
      ) as Libc['ioctl'],
      ioctlValue: library.func(
        'int ioctl(int fd, unsigned long request, intptr_t value)',
      ) as Libc['ioctlValue'],
      errno: () => koffi.errno(),
    }
  })
  return libc
}

/**
 * Runtimes that crash on the native socket, instead of throwing: Bun 1.4 panics, Deno 2.9 segfaults.
 *
 * @returns such as `Bun 1.4.0`
 */
export function unsupportedRuntime({ bun, deno }: NodeJS.ProcessVersions): string | undefined {
  if (bun !== undefined) return `Bun ${bun}`
  return deno === undefined ? undefined : `Deno ${deno}`
}

function load<T>(name: string, loader: () => T): T {
  const runtime = unsupportedRuntime(process.versions)
  if (runtime !== undefined) {
    throw new NetlinkError({
      reason: 'unavailable',
      operation: `loading the native module '${name}'`,
      explanation: `${runtime} crashes on it; run this program with Node.js`,
    })
  }
  try {
    return loader()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new NetlinkError({
      reason: 'unavailable',
      operation: `loading the native module '${name}'`,
      explanation:
        `it does not load on ${process.platform} ${process.arch}: ${reason}. It needs Linux with glibc on x64 or ` +
        'arm64, and npm must have installed optional binaries',
      cause: error,
    })
  }
}
