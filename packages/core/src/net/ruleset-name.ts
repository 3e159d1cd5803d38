/** XT_EXTENSION_MAXNAMELEN (28 characters) less `FLANNEL-POSTRTG-`. */
const MAX_LENGTH = 12
const NAME = /^[a-z\d](?:[a-z\d-]*[a-z\d])?$/i

/** Why traffic rules cannot have a name, which is part of their chains' names; undefined if they can. */
export const whyNoRulesetName = (name: string): string | undefined =>
  name.length <= MAX_LENGTH && NAME.test(name)
    ? undefined
    : `must be 1 to ${MAX_LENGTH} letters, digits and hyphens, and neither begin nor end with a hyphen`
