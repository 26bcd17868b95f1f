// Swaps in the changed part of the page as the master draws it; without this the page still reads.
const status = document.getElementById("connection");
const source = new EventSource("/page/events");
source.onopen = () => { status.textContent = "live"; };
source.onerror = () => { status.textContent = "the master does not answer; this is the last that was heard"; };
source.onmessage = event => { document.getElementById("live").innerHTML = event.data; };
