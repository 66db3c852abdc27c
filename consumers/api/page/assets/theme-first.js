// A plain script in the head, so that a chosen theme is there before the first paint; theme.js holds the switch.
try {
  const theme = localStorage.getItem("wirewatch.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* No storage: as the system has it. */ }
