/**
 * How many times as long as on the machine itself everything is awaited: in an emulated one, with a kernel of its own
 * (`SELVEDGE_TEST_KERNEL`), a program starts in seconds.
 */
export const PATIENCE = process.env.SELVEDGE_TEST_KERNEL === undefined ? 1 : 10
