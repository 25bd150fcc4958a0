// Better with this script, whole without it: every page is rendered on the server.
"use strict";

// --- the photo: chosen, dropped or pasted, sent with its progress shown ---

const form = document.querySelector("form[data-upload]");
if (form) {
  const field = form.querySelector("input[type=file]");
  const area = form.querySelector(".drop");
  const button = form.querySelector("button[type=submit]");
  const progress = form.querySelector(".progress");
  const bar = progress.querySelector("progress");
  const words = progress.querySelector("p");
  const failure = form.querySelector("[role=alert]");
  let request = null;

  const fail = (title, detail) => {
    progress.hidden = true;
    button.disabled = false;
    failure.querySelector("strong").textContent = title;
    failure.querySelector("span").textContent = detail;
    failure.hidden = false;
  };

  const send = () => {
    const file = field.files[0];
    if (!file) {
      fail("No file was chosen.", "Choose one, or drop it on the field.");
      field.focus();
      return;
    }
    const most = Number(form.dataset.mostBytes);
    if (file.size > most) {
      fail("The file is too large.", `It has ${(file.size / 1048576).toFixed(1)} MiB; ${most / 1048576} MiB are taken.`);
      return;
    }
    failure.hidden = true;
    button.disabled = true;
    progress.hidden = false;
    bar.value = 0;
    words.textContent = "Sending …";
    if (request) request.abort();
    request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      words.textContent = form.dataset.working;
    });
    request.addEventListener("error", () => fail("The service cannot be reached.", "Is it still running? Try again."));
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* shown below as it is */ }
      if (request.status === 201 && answer.location) {
        window.location.assign(answer.location);
        return;
      }
      const after = request.getResponseHeader("Retry-After");
      const again = after ? ` Try again in ${after} s.` : "";
      fail(answer.title ? `${answer.title}.` : `The service answered ${request.status}.`, (answer.detail || "") + again);
    });
    const data = new FormData();
    data.append("file", file);
    request.send(data);
  };

  const take = (files) => {
    if (!files || files.length === 0) return;
    const one = new DataTransfer();
    one.items.add(files[0]);
    field.files = one.files;
    send();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("change", () => { if (field.files.length > 0) send(); });
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files));
  // A page that is shown again by the back button is ready for another photo.
  window.addEventListener("pageshow", () => {
    progress.hidden = true;
    button.disabled = false;
  });
}

// --- before and after, under a slider ---

for (const compare of document.querySelectorAll(".compare")) {
  const slider = compare.querySelector("input[type=range]");
  compare.classList.replace("plain", "slid");
  slider.hidden = false;
  compare.querySelector(".knob").hidden = false;
  const show = () => {
    compare.style.setProperty("--cut", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % before, ${100 - slider.value} % after`);
  };
  slider.addEventListener("input", show);
  show();
}
