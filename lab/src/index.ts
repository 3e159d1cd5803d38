export { kernelHasEsp } from '@selvedge/backend-ipsec'
export { AgentProcess } from './agent-process.js'
export type { AgentEvent, AgentSettings } from './agent-protocol.js'
export {
  type BackendChange,
  type BackendChangeOptions,
  changeBackend,
  type Stretch,
} from './backend-change.js'
export { Capture, type CapturedPacket, type CaptureOptions, count, isPlain } from './capture.js'
export { type CertificateOptions, Certificates } from './certificates.js'
export {
  type Container,
  type NetworkList,
  type Plugin,
  PluginFailure,
  type PluginHost,
  type Result,
  Runtime,
} from './cni/runtime.js'
export * from './damages.js'
export { Datagrams } from './datagrams.js'
export { whyNotOnKernel } from './demo/link-types.js'
export { table } from './demo/table.js'
export { type AsShownOptions, asShown } from './documents/as-shown.js'
export { type CodeBlock, codeBlocks } from './documents/code-blocks.js'
export { documentBlock } from './documents/document-block.js'
export { type Echo, Echoes, type EchoesOptions } from './echoes.js'
export { type ExampleOptions, ExampleProgram } from './example-program.js'
export { flannelIptablesRules, flannelNftablesRules } from './flannel-rules.js'
export { freePort } from './free-port.js'
export { type Damage, type Healing, timeHealing } from './healing.js'
export { Host } from './host.js'
export { type KernelState, readKernelState } from './kernel-state.js'
export { AdminApi, type Reply } from './kubernetes/admin-api.js'
export {
  certificateAuthority,
  clientCertificate,
  type KeyPair,
  serverCertificate,
} from './kubernetes/certificates.js'
export { type ClusterOptions, KubeCluster } from './kubernetes/kube-cluster.js'
export { Lab, type LabOptions } from './lab.js'
export { leakWarnings } from './leak-warnings.js'
export { hasLinkType } from './link-types.js'
export { type KernelEvent, KernelMonitor } from './monitor.js'
export { type Child, Namespace } from './namespace.js'
export { entriesOf, type Member, Network, type NetworkSettings } from './network.js'
export {
  type MatrixEntry,
  type PingOptions,
  type PingResult,
  PingStream,
  type PingStreamResult,
  ping,
  pingMatrix,
  pingUntilReached,
} from './ping.js'
export { Pod, type PodNetwork } from './pod.js'
export { CommandError, type RunOptions, run } from './run.js'
export { deleteNamespaces, listNamespaces, sweep } from './sweep.js'
export { TcpProxy } from './tcp-proxy.js'
export { type CloudInstance, type Fault, refused, TencentCloud } from './tencent-cloud/cloud.js'
export { TencentCloudProcess } from './tencent-cloud/process.js'
export { attributesOf, dualStackNetwork, ipv4Network, ipv6Network } from './test-networks.js'
export { TimeoutError, type UntilOptions, until, within } from './until.js'
export { Watcher } from './watcher.js'
export { hasKernelWireguard, type PeerDump, WireguardDevice } from './wireguard-device.js'
