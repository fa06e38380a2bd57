// Where the console's pages begin.
import { createRoot } from "react-dom/client";
import { Speech } from "../text/language";
import { Console } from "./console";
import "../style/base.css";
import "../style/forms.css";
import "../style/screens.css";

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Speech><Console /></Speech>);
