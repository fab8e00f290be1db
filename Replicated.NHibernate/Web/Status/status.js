// Keeps every element with data-replicated-status up to date by server-sent events. Without it the page is what it was when it was made.
(() => {
  'use strict';

  const live = document.querySelector('[data-replicated-live]');
  const say = (text) => { if (live && live.textContent !== text) live.textContent = text; };

  // Changes only what differs, so that focus, selection and scroll positions stay.
  const update = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const [were, are] = [[...old.childNodes], [...fresh.childNodes]];
    are.forEach((child, i) => (i < were.length ? update(were[i], child) : old.append(child)));
    were.slice(are.length).forEach((child) => child.remove());
  };

  for (const place of document.querySelectorAll('[data-replicated-status]')) {
    let source = null;
    let again = 0;
    const close = () => {
      clearTimeout(again);
      source?.close();
      source = null;
    };
    const open = () => {
      close();
      source = new EventSource(place.dataset.replicatedStatus);
      source.onmessage = ({ data }) => {
        const fresh = new DOMParser().parseFromString(data, 'text/html').body.firstElementChild;
        if (place.firstElementChild) update(place.firstElementChild, fresh);
        else place.replaceChildren(fresh);
        place.classList.remove('replicated-old');
        say('Live: this page keeps itself up to date.');
      };
      source.onerror = () => {
        place.classList.add('replicated-old');
        say('The application does not answer. The page shows what was last heard and goes on trying.');
        // The browser itself tries again only where the connection was lost, not after an error of a proxy.
        if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 3000);
      };
    };
    const turn = () => (document.hidden ? close() : open());
    document.addEventListener('visibilitychange', turn);
    addEventListener('pagehide', close);
    addEventListener('pageshow', (event) => { if (event.persisted) turn(); });
    turn();
  }
})();
