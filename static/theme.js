// Light, dark, or like the system. Not a module, so that it runs before anything is drawn.

document.documentElement.dataset.theme = (() => {
    try {
        return localStorage.getItem('perch.theme') ?? 'system';
    } catch {
        return 'system';    // a private window may refuse
    }
})();
