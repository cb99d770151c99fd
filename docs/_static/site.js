// Code and tables that are wider than the page scroll; let the keyboard reach those that do.
const wide = document.querySelectorAll(".highlight pre, .table-wrapper");

function letTheKeyboardScroll() {
  for (const region of wide) {
    if (region.scrollWidth > region.clientWidth) {
      region.tabIndex = 0;
    } else {
      region.removeAttribute("tabindex");
    }
  }
}

addEventListener("resize", letTheKeyboardScroll);
letTheKeyboardScroll();
