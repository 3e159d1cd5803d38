/**
 * `T`, from which nothing is inferred: what a `teardown` takes says nothing about what `setup` makes, so that one written for
 * every store takes any. TypeScript's own is of 5.4; this is for 5.2 too.
 */
export type NoInfer<T> = [T][T extends unknown ? 0 : never]
