// A browser as far as authentication can tell: it keeps cookies, names its
// page's origin, and follows redirects by hand.

export class Browser {
  #cookies = new Map();

  constructor(page) {
    this.page = page;
    this.fetch = this.fetch.bind(this);
  }

  /** A `fetch` with this browser's cookies and origin. */
  async fetch(input, init = {}) {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    if (!headers.has("origin")) headers.set("origin", this.page);
    if (this.#cookies.size > 0) headers.set("cookie", this.cookieHeader());
    const answer = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) this.#keep(line);
    return answer;
  }

  /** Opens a link as a click does, and gives where it ends up among `stops`. */
  async open(url, isStop) {
    for (let hop = 0; hop < 8; hop += 1) {
      const answer = await this.fetch(url, { headers: { origin: "null" } });
      const location = answer.headers.get("location");
      if (location === null) throw new Error(`${url} answers ${answer.status} and leads nowhere`);
      url = new URL(location, url).href;
      if (isStop(url)) return url;
    }
    throw new Error(`${url} leads in circles`);
  }

  cookieHeader() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  cookieNames() {
    return [...this.#cookies.keys()].sort();
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    const over = attributes.some((attribute) => /^max-age=0$/i.test(attribute));
    if (over) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
