import type { FilterInstruction } from './libc.js'

/** Instructions of a classic BPF program, include/uapi/linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, … */
const LOAD_WORD = 0x20
/** … BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K. */
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
/** Of a message that passes, this many bytes. */
const WHOLE_MESSAGE = 0xffff_ffff
/** Where `nlmsg_pid` stands in a message. */
const PORT_OFFSET = 12

/** A socket filter that drops the messages that the socket of this port caused. */
export function rejectMessagesOf(port: number): readonly FilterInstruction[] {
  // A load takes the bytes for network order, whatever they are.
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(port)
  return [
    { code: LOAD_WORD, jt: 0, jf: 0, k: PORT_OFFSET },
    // A jump counts from the instruction behind it.
    { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: bytes.readUInt32BE() },
    { code: RETURN, jt: 0, jf: 0, k: 0 },
    { code: RETURN, jt: 0, jf: 0, k: WHOLE_MESSAGE },
  ]
}
