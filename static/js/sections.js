// Marks in a form's side list the section that is being read.
const nav = document.querySelector(".section-nav");
const links = nav ? [...nav.querySelectorAll('a[href^="#"]')] : [];
const sections = links.map((link) => document.getElementById(link.hash.slice(1))).filter(Boolean);

function mark(id) {
  for (const link of links) {
    if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

if (sections.length) {
  mark(sections[0].id);

  const reader = new IntersectionObserver(
    (entries) => {
      const entered = entries.filter((entry) => entry.isIntersecting).at(-1);
      if (entered) mark(entered.target.id);
    },
    { rootMargin: "-25% 0px -70% 0px" },
  );
  for (const section of sections) reader.observe(section);

  // The last sections may be too short ever to reach the line that is watched.
  nav.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link) requestAnimationFrame(() => mark(link.hash.slice(1)));
  });
  document.addEventListener("focusin", (event) => {
    const section = sections.find((candidate) => candidate.contains(event.target));
    if (section) mark(section.id);
  });
}
