import { U as OverlayError } from "./dist-CuTn3iPo.js";
import { readFile } from "node:fs/promises";

// packages/store-kube/dist/target-connector.js
/** Connects to a target. Reads its files for every request: they are small, and may be rotated. */
var TargetConnector = class {
	#target;
	#agents;
	/** @param agents closed with this connector; another may have used them before */
	constructor(target, agents) {
		this.#target = target;
		this.#agents = agents;
		if (target.cert === void 0 !== (target.key === void 0)) throw new OverlayError("INVALID_CONFIG", "a client certificate is given without its key, or a key without it");
	}
	async connect() {
		const { url, servername, insecureSkipTlsVerify } = this.#target;
		const [ca, cert, key, token] = await Promise.all([
			read("certificate authority", this.#target.ca),
			read("client certificate", this.#target.cert),
			read("client certificate's key", this.#target.key),
			read("token", this.#target.token)
		]);
		const tls = {
			rejectUnauthorized: !insecureSkipTlsVerify,
			...ca !== void 0 && { ca },
			...cert !== void 0 && { cert },
			...key !== void 0 && { key },
			...servername !== void 0 && { servername }
		};
		return {
			url,
			agent: this.#agents.agentFor(url, tls),
			headers: token === void 0 ? {} : { authorization: `Bearer ${token.trim()}` }
		};
	}
	/** Nothing is kept. */
	forget() {}
	close() {
		this.#agents.close();
	}
};
/** Throws an OverlayError `INVALID_CONFIG` for a URL that is none. */
function targetOf(access) {
	const { caFile, certFile, keyFile, token, tokenFile } = access;
	const file = (path) => path === void 0 ? void 0 : { file: path };
	return {
		url: parseApiUrl(access.apiUrl),
		ca: file(caFile),
		cert: file(certFile),
		key: file(keyFile),
		token: file(tokenFile) ?? (token === void 0 ? void 0 : { text: token }),
		insecureSkipTlsVerify: access.insecureSkipTlsVerify ?? false
	};
}
/** Throws an OverlayError `INVALID_CONFIG` that does not repeat a password in it. */
function parseApiUrl(text) {
	const url = URL.canParse(text) ? new URL(text) : void 0;
	if (url === void 0 || url.protocol !== "https:" && url.protocol !== "http:") throw new OverlayError("INVALID_CONFIG", "the API server's URL must be such as https://10.96.0.1:443");
	if (url.username !== "" || url.password !== "") throw new OverlayError("INVALID_CONFIG", `the URL of the API server at ${url.host} carries a user or password, which Kubernetes does not take: give a token or a client certificate`);
	return url;
}
async function read(what, source) {
	if (source === void 0 || "text" in source) return source?.text;
	try {
		return await readFile(source.file, "utf8");
	} catch (cause) {
		throw new OverlayError("ACCESS_DENIED", `reading the ${what} for the API server from ${source.file}: ${String(cause)}`, { cause });
	}
}

export { parseApiUrl as n, targetOf as r, TargetConnector as t };