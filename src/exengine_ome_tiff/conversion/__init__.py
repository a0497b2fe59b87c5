"""From other formats to ours, and between the forms of ours."""
