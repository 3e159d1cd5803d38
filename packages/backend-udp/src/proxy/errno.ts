/** include/uapi/asm-generic/errno-base.h and errno.h */
export const EINTR = 4
export const EIO = 5
export const EBADF = 9
export const EAGAIN = 11
export const EINVAL = 22
export const EBADFD = 77
export const EMSGSIZE = 90

/** Whether reading or writing failed because the TUN device is gone. */
export const isDetached = (errno: number): boolean => errno === EBADFD || errno === EBADF
