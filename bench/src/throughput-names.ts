/** How flanneld's udp backend is called among those whose throughput is measured. */
export const FLANNELD_PROXY = "flanneld's proxy"
