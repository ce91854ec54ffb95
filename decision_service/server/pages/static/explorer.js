// Calls a method with the text of its form, and shows what came back.
for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = form.querySelector("pre");
    const token = document.getElementById("token").value.trim();
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    shown.hidden = false;
    shown.textContent = "…";
    try {
      const body = form.querySelector("textarea").value;
      const answer = await fetch(form.dataset.path, { method: "POST", headers, body });
      shown.textContent = `${answer.status}\n${JSON.stringify(await answer.json(), null, 2)}`;
    } catch (error) {
      shown.textContent = `There is no answer: ${error.message}`;
    }
  });
}
