import { U as OverlayError } from "./dist-CuTn3iPo.js";
import { n as parseApiUrl } from "./target-connector-1JcLXyj6.js";
import { KubeConfig } from "@kubernetes/client-node";

// packages/store-kube/dist/client-node-connector.js
/**
* Connects with client-node's help, of which nothing else is used: it finds the cluster, and proves who this is by
* plugins and providers. Import this module where it is needed alone.
*/
var ClientNodeConnector = class {
	#access;
	#agents;
	#config;
	/** @param agents closed with this connector; another may have used them before */
	constructor(access, agents) {
		this.#access = access;
		this.#agents = agents;
	}
	async connect() {
		this.#config ??= this.#load();
		const config = this.#config;
		const cluster = config.getCurrentCluster();
		if (cluster === null) throw new OverlayError("INVALID_CONFIG", `${this.#where} names no cluster in its current context`);
		const apiUrl = "apiUrl" in this.#access ? this.#access.apiUrl : void 0;
		const url = parseApiUrl(apiUrl ?? cluster.server);
		const options = await this.#authenticated(config);
		const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, agent } = options;
		const proxied = cluster.proxyUrl === void 0 ? void 0 : () => agent;
		const tls = Object.fromEntries(Object.entries({
			ca,
			cert,
			key,
			pfx,
			passphrase,
			servername,
			rejectUnauthorized
		}).filter(([, value]) => value !== void 0));
		return {
			url,
			agent: this.#agents.agentFor(url, tls, proxied),
			headers: headersOf(options)
		};
	}
	/** A plugin's answer is kept until it ends by its own account; not so where the server does not take it. */
	forget() {
		this.#config = void 0;
	}
	close() {
		this.#agents.close();
	}
	get #where() {
		return "kubeconfigFile" in this.#access ? `the kubeconfig ${this.#access.kubeconfigFile}` : "the kubeconfig found by discovery ($KUBECONFIG, ~/.kube/config, the service account of a pod)";
	}
	#load() {
		const config = new KubeConfig();
		try {
			if ("kubeconfigFile" in this.#access) config.loadFromFile(this.#access.kubeconfigFile);
			else config.loadFromDefault();
		} catch (error) {
			throw new OverlayError("INVALID_CONFIG", `${this.#where} cannot be read as one${faultOf(error)}`);
		}
		if ("context" in this.#access && this.#access.context !== void 0) config.setCurrentContext(this.#access.context);
		for (const cluster of config.clusters) if (cluster.server.startsWith("http:")) Object.assign(cluster, { skipTLSVerify: true });
		return config;
	}
	async #authenticated(config) {
		const options = {};
		try {
			await config.applyToHTTPSOptions(options);
		} catch (error) {
			throw new OverlayError("ACCESS_DENIED", `getting the credentials that ${this.#where} names for user '${config.getCurrentUser()?.name}' failed` + faultOf(error));
		}
		return options;
	}
};
/**
* What of an error is safe to show: that of a system call, such as a plugin that is not there. A parser's shows the
* lines around the fault, and a plugin's what it printed, either of which may be credentials.
*/
function faultOf(error) {
	return typeof Reflect.get(Object(error), "syscall") === "string" ? `: ${String(error)}` : "";
}
function headersOf({ headers, auth }) {
	const all = {};
	for (const [name, value] of Object.entries(headers ?? {})) if (value !== void 0 && value !== null) all[name.toLowerCase()] = String(value).trim();
	if (typeof auth === "string") all.authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
	return all;
}

export { ClientNodeConnector };