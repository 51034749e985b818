// Marks in a form's side list the section that is being read.
const nav = document.querySelector(".section-nav");
const sectionOf = (link) => document.getElementById(link.hash.slice(1));
const links = nav ? [...nav.querySelectorAll('a[href^="#"]')].filter(sectionOf) : [];
const sections = links.map(sectionOf);

function mark(id) {
  for (const link of links) {
    if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

if (sections.length) {
  mark(sections[0].id);

  // What was chosen by a click or is being filled in stays marked until somebody scrolls: the last sections may be
  // too short ever to reach the line that is watched.
  let chosen = false;
  const choose = (section) => {
    chosen = true;
    mark(section.id);
  };
  const release = () => {
    chosen = false;
  };
  for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(kind, release, { passive: true });

  const reader = new IntersectionObserver(
    (entries) => {
      const entered = entries.filter((entry) => entry.isIntersecting).at(-1);
      if (entered && !chosen) mark(entered.target.id);
    },
    { rootMargin: "-25% 0px -70% 0px" },
  );
  for (const section of sections) reader.observe(section);

  nav.addEventListener("click", (event) => {
    const section = sections[links.indexOf(event.target.closest("a"))];
    if (section) choose(section);
  });
  document.addEventListener("focusin", (event) => {
    const section = sections.find((candidate) => candidate.contains(event.target));
    if (section) choose(section);
  });
}
