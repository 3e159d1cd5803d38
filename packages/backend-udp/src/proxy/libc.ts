import { createRequire } from 'node:module'

/**
 * The functions of the C library that a proxy needs and Node.js does not expose. Each returns -1 and sets errno if it
 * fails. Memory is passed by its address, so that a call converts nothing.
 */
export interface Libc {
  ioctl(fd: number, request: number, argument: Uint8Array): number
  ioctlValue(fd: number, request: number, value: number): number
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number
  eventfd(initial: number, flags: number): number
  poll(fds: number, count: number, timeoutMs: number): number
  read(fd: number, buffer: number, length: number): number
  write(fd: number, buffer: number, length: number): number
  writev(fd: number, vectors: number, count: number): number
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number
  sendmmsg(fd: number, messages: number, count: number, flags: number): number
  close(fd: number): number
  setns(fd: number, type: number): number
  /** The number of the last call that failed. */
  errno(): number
  /** Of memory that does not move: `Buffer.allocUnsafeSlow` makes such. */
  addressOf(memory: Uint8Array): number
}

interface KoffiModule {
  load(library: null): { func(prototype: string): unknown }
  errno(): number
  address(memory: Uint8Array): bigint
}

/** @throws whatever loading a native module throws on a platform without it */
export function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as KoffiModule
  const library = koffi.load(null)
  return {
    ioctl: library.func('int ioctl(int fd, unsigned long request, _Inout_ void *argument)') as Libc['ioctl'],
    ioctlValue: library.func(
      'int ioctl(int fd, unsigned long request, intptr_t value)',
    ) as Libc['ioctlValue'],
    socket: library.func('int socket(int family, int type, int protocol)') as Libc['socket'],
    bind: library.func('int bind(int fd, const void *address, uint32_t length)') as Libc['bind'],
    setsockopt: library.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    ) as Libc['setsockopt'],
    eventfd: library.func('int eventfd(unsigned int initial, int flags)') as Libc['eventfd'],
    poll: library.func('int poll(uintptr_t fds, unsigned long count, int timeout)') as Libc['poll'],
    read: library.func('intptr_t read(int fd, uintptr_t buffer, size_t length)') as Libc['read'],
    write: library.func('intptr_t write(int fd, uintptr_t buffer, size_t length)') as Libc['write'],
    writev: library.func('intptr_t writev(int fd, uintptr_t vectors, int count)') as Libc['writev'],
    recvmmsg: library.func(
      'int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)',
    ) as Libc['recvmmsg'],
    sendmmsg: library.func(
      'int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)',
    ) as Libc['sendmmsg'],
    close: library.func('int close(int fd)') as Libc['close'],
    setns: library.func('int setns(int fd, int type)') as Libc['setns'],
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
  }
}
