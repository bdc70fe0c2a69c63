'use strict';
/* The token goes from the address into the body of a POST; text comes back by textContent. */
const form = document.querySelector('form');
const said = document.querySelector('[role=status]');
const token = new URLSearchParams(location.search).get('token') ?? '';

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = { ...Object.fromEntries(new FormData(form)), token };
  try {
    const answer = await fetch(form.dataset.post, { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    form.hidden = answer.ok;
    const problem = answer.ok ? { detail: form.dataset.done } : await answer.json();
    said.textContent = problem.errors?.map((e) => `It ${e.message}.`).join(' ') ?? problem.detail;
  } catch {
    said.textContent = 'The server could not be reached; try again.';
  }
});
