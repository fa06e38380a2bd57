// Where the pages begin: takes what a link carries out of the address bar and shows the application.
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { carried } from "./model/link";
import { Speech } from "./text/language";
import "./style/base.css";
import "./style/forms.css";
import "./style/screens.css";
import "./style/print.css";

const link = carried(location.hash);
// The claim code must not stay in the history or in a screenshot.
if (location.hash !== "") history.replaceState(history.state, "", location.pathname + location.search);

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Speech><App link={link} /></Speech>);
