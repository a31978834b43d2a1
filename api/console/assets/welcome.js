// The text of an invitation is in the fragment of a link, which browsers do not send to the server.
"use strict";
const field = document.getElementById("invitation");
const text = decodeURIComponent(location.hash.slice(1));
if (text) {
  history.replaceState(null, "", location.pathname);
  field.value = text;
  field.form.requestSubmit();
}
