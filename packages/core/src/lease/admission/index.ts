export { Admission, type AdmissionPorts, type RefusedLease } from './admission.js'
export type { AdmissionFacts } from './facts.js'
