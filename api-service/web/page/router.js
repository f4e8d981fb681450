// What stands behind the # tells the screen.

/**
 * Calls the screen that fits the address.
 * @param {[RegExp, (...found: string[]) => void][]} routes the first that fits is called
 */
export function startRouter(routes) {
  const go = () => {
    const path = location.hash.slice(1) || "/chat";
    const [pattern, show] = routes.find(([one]) => one.test(path)) ?? routes.at(-1);
    show(...(pattern.exec(path) ?? []).slice(1).map((part) => part && decodeURIComponent(part)));
  };
  window.addEventListener("hashchange", go);
  go();
  return () => window.removeEventListener("hashchange", go);
}

/** Goes to a screen. */
export const goTo = (path) => {
  location.hash = path;
};

/** Changes the address without going anywhere. */
export const nameHere = (path) => history.replaceState(null, "", `#${path}`);
